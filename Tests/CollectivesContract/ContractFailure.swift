/// What a communicator or a primitive of shared memory did otherwise than its contract says.
public struct ContractFailure: Error, CustomStringConvertible {
    /// What was expected, and where.
    public let description: String
}

/// Throws a ``ContractFailure`` with rank and line unless `condition` holds.
func require(_ condition: Bool, _ text: @autoclosure () -> String, rank: Int, line: Int = #line) throws {
    if !condition { throw ContractFailure(description: "rank \(rank), line \(line): \(text())") }
}
