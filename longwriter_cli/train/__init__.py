"""From records to what a trainer reads: tokens and packs."""
