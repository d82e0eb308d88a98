"""One result, many renderings: a view for people (table, Markdown, CSV), a document for programs (JSON)."""
