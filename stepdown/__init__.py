"""The front door: command line, public Python API, reports."""
