"""The erasure of people, its verification, and the retention of pictures and faces."""
