"""What keeps records closed, opened: secrets of key logs, of pre-shared keys, of encrypted hellos."""
