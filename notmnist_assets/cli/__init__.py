"""The command `notmnist`."""
