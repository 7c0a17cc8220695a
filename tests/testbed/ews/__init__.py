"""An Exchange server as its clients see it: Exchange Web Services and autodiscover, by SOAP and in plain XML, over HTTP and TLS.

It shares no code with the product. It checks every request and every answer against the published schemas, checks
credentials for real, refuses operations that it does not know, and behaves as a real server does where that is awkward:
it writes messages anew, lists the newest first, sends small pages.

Known differences from a real server: one forest without archives, public folders and search folders; rights are those of
`Account.delegates` and `Account.may_impersonate`; an item keeps its id when it is read again but not when it is moved;
properties other than those in `rendering.py` are absent; throttling is what a test asks for, not a budget.
"""
