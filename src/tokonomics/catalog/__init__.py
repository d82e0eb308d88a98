"""Facts: accelerators, models, offers and API prices as dated, sourced rows; loaded, layered, refreshed, checked."""
