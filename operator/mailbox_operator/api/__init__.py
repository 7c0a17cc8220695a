"""The three kinds as models, their conditions and reasons, and the CRDs made from them."""
