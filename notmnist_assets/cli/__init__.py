"""The command `notmnist` and its output."""
