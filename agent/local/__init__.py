"""Local LLMs as controllers: `local:PATH` and `local:PATH+ADAPTER`."""
