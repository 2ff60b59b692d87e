"""The hostile API server of the tests; see ../hostile-server."""
