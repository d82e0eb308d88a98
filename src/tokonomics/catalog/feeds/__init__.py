"""Feeds: public price files, each read into our own rows."""
