import ArgumentParser

/// The bounds of numbers on the command line.
enum Bounds {
    /// The most logical shards, and so the most ranks or lanes, that a run can have.
    static let most = 65_536

    /// Refuses a number of ranks or lanes that no run can have.
    static func check(_ name: String, _ value: Int?) throws {
        guard let value, !(1...most).contains(value) else { return }
        throw ValidationError("\(name) must be from 1 to \(most), is \(value)")
    }
}
