/// How ``Communicator/allreduce(_:_:)`` joins the ranks' integers. Only reductions that give the same bits in
/// any order are here; floating-point sums have their own canonical order and never go through MPI.
public enum IntegerReduction: Sendable, CaseIterable {
    /// The sum, modulo 2^64.
    case sum
    /// The smallest.
    case min
    /// The largest.
    case max
}
