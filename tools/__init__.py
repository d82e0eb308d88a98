"""Tools for working on the repository; the package never imports them."""
