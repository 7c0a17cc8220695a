"""The steps that prove a mailbox, in order, each to a verdict. Knows mail, knows no Kubernetes."""
