"""The words that tiny encoders know."""

TOPICS = {
    "animal": ["dog", "cat", "horse", "cow", "goat", "sheep"],
    "colour": ["red", "green", "blue", "white", "black", "pink"],
    "food": ["bread", "cheese", "soup", "apple", "rice", "cake"],
}
FILLER = ["the", "a", "is", "was", "very", "here", "there", "now", "my", "your"]
