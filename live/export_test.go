package live

// HasEnded says whether a stream is over, and takes nothing.
func HasEnded(s *Stream) bool { return s.hasEnded() }
