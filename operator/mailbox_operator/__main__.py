"""`python -m mailbox_operator` is `mailbox-operator`."""

from mailbox_operator.cli.main import main

if __name__ == "__main__":
    main()
