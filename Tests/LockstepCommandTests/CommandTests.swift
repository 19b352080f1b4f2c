import Testing

/// The whole command, as its users start it. One process tree at a time: they compete for cores and are timed.
@Suite(.serialized)
enum CommandTests {}
