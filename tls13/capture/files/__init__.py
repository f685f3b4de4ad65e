"""What captures are kept in: files of packets, compressed or not, folders of them, bare records; and a writer."""
