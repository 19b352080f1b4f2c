import Diagnostics
/// One call of a collective, as errors name it.
struct CollectiveCall: Sendable, CustomStringConvertible {
    /// Which ranks take part; each scope counts its collectives by itself.
    enum Scope: Int, Sendable, CaseIterable {
        case world, node, leaders
    }

    let name: String
    let scope: Scope
    /// Counted from 1 in its scope, the same on every rank that takes part.
    let number: UInt64
    /// This rank's bytes; nil where only another rank knows.
    let byteCount: Int?

    /// `broadcast number 17 of 4,096 bytes`.
    var description: String {
        let place = scope == .world ? "" : " (among \(scope == .node ? "the node's ranks" : "the nodes"))"
        let size = byteCount.map { " of \($0.grouped) bytes" } ?? ""
        return "\(name) number \(number)\(place)\(size)"
    }
}
