"""What a caller passed, made into what the library holds, or refused in one sentence."""
