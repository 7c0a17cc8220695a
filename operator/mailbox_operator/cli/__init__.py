"""The command line `mailbox-operator`."""
