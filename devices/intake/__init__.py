"""Takes messages into the database: decoding, one transaction for each batch, quarantine, replay."""
