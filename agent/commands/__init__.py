"""The commands of `tuneos`, by what they are about; agent/cli.py lists them."""
