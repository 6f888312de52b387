"""`js@1`: a body of JavaScript, run by the sandbox."""
