"""What each implementation of a seam must do: one suite a seam, which all of them run."""
