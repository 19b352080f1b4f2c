/// Where the first values of a parameter come from. A pure function: every rank computes the same bits.
public protocol Initializer: Sendable {
    /// Fills `values` (row-major, of `shape` as the engine holds it).
    /// - Parameter stream: a random stream of this parameter's own.
    func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream)
}
