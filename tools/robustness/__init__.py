"""How a model's answers bear other spellings and wordings of the same rows."""
