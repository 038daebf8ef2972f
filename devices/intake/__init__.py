"""From a message to rows: decoding, one transaction for each batch, quarantine, replay."""
