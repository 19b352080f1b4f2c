/// What recurrent layers end with: (states [batch, tokens, width], ids int32 [batch, tokens] where masked)
/// → [batch, width]: the first ``forwardWidth`` columns at a sample's last token, the others, which come from a reverse
/// direction, at its first. A sample of padding alone gives zeros.
public struct LastState: Operation {
    /// Columns of the forward direction.
    public let forwardWidth: Int
    /// Whether the second operand is ids that tell where samples end.
    public let isMasked: Bool
    /// The id of padding.
    public let paddingID: Int?
    /// `last-state`.
    public var name: String { "last-state" }

    /// Creates the operation.
    public init(forwardWidth: Int, isMasked: Bool = false, paddingID: Int? = nil) {
        self.forwardWidth = forwardWidth
        self.isMasked = isMasked
        self.paddingID = paddingID
    }

    /// [batch, width].
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers([operands[0]], name: name)
        let states = operands[0].shape
        guard states.rank == 3, states[1] > 0, (0...states[2]).contains(forwardWidth) else {
            throw ShapeError(
                "last state takes [batch, tokens, width] with at least one token, got \(states)",
                remedy: "take it of a recurrent layer's states")
        }
        if isMasked, operands[1] != TensorType([states[0], states[1]], .int32) {
            throw ShapeError(
                "last state of \(states) takes ids int32 [\(states[0]), \(states[1])], got \(operands[1])",
                remedy: "pass the ids that the tokens come from")
        }
        return TensorType([states[0], states[2]])
    }

    /// The gradient goes to the token that was taken; all others get zero.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let ids = operands.dropFirst()
        let gradient = LastStateGradient(forward: self, tokens: operands[0].shape[1])
        return [try upstream.graph.apply(gradient, to: [upstream] + ids)] + ids.map { _ in nil }
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let states = operands[0]
        var result = ReferenceArray([states.shape[0], states.shape[2]], repeating: 0)
        visit(states.shape, ids: isMasked ? operands[1] : nil) { result.values[$1] = states.values[$0] }
        return result
    }

    /// Calls a body with each pair of places that belong together in states and result.
    func visit(_ states: Shape, ids: ReferenceArray?, _ body: (Int, Int) -> Void) {
        let (samples, tokens, width) = (states[0], states[1], states[2])
        let lengths = lengths(ids: ids, paddingID: paddingID, samples: samples, tokens: tokens)
        for sample in 0..<samples where lengths[sample] > 0 {
            for column in 0..<width {
                let token = column < forwardWidth ? lengths[sample] - 1 : 0
                body((sample * tokens + token) * width + column, sample * width + column)
            }
        }
    }
}

/// The gradient of ``LastState``: (upstream [batch, width], ids where masked) → [batch, tokens, width].
public struct LastStateGradient: Operation {
    /// The operation that is differentiated.
    public let forward: LastState
    /// Tokens of the states.
    public let tokens: Int
    /// `last-state-gradient`.
    public var name: String { "last-state-gradient" }

    /// Creates the operation.
    public init(forward: LastState, tokens: Int) {
        self.forward = forward
        self.tokens = tokens
    }

    /// The states' type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        TensorType([operands[0].shape[0], tokens, operands[0].shape[1]])
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let upstream = operands[0]
        var result = ReferenceArray([upstream.shape[0], tokens, upstream.shape[1]], repeating: 0)
        forward.visit(result.shape, ids: forward.isMasked ? operands[1] : nil) {
            result.values[$0] = upstream.values[$1]
        }
        return result
    }
}

extension Tensor {
    /// The last states of recurrent layers whose states are this tensor: see ``LastState``.
    /// - Parameter forwardWidth: columns that run forward; all by default.
    public func lastState(forwardWidth: Int? = nil, mask: TokenMask? = nil) throws -> Tensor {
        let masked = mask.flatMap { mask in mask.paddingID.map { (mask.ids, $0) } }
        let operation = LastState(
            forwardWidth: forwardWidth ?? (shape.dimensions.last ?? 0), isMasked: masked != nil,
            paddingID: masked?.1)
        return try graph.apply(
            operation, to: [self] + (masked.map { [Tensor(graph: graph, node: $0.0)] } ?? []))
    }
}
