"""Pure: what is true of bins, decided and reported. No clock, no disk, no network, no threads."""
