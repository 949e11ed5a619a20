"""Personal data in texts: found and marked. Imports neither the page, nor the API, nor torch."""
