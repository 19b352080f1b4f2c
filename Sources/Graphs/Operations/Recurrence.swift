/// What a recurrent layer computes a step from the projected input x, the state h before it, and the product
/// p = h·W of that state with the recurrent weight; gates stand side by side in the order given.
public enum RecurrentCell: String, Sendable, CaseIterable {
    /// h′ = tanh(x + p) (Elman 1990).
    case tanh
    /// h′ = max(0, x + p).
    case relu
    /// Gates i, f, g, o of x + p; c′ = σ(f)·c + σ(i)·tanh(g), h′ = σ(o)·tanh(c′) (Hochreiter and Schmidhuber 1997).
    case lstm
    /// Gates r, z, n; h′ = (1 − σ(z))·n + σ(z)·h with n = tanh(xₙ + σ(r)·pₙ), the reset after the product (Cho et al.
    /// 2014, in the form that PyTorch and cuDNN compute).
    case gru

    /// How many gates stand side by side.
    public var gateCount: Int {
        switch self {
        case .tanh, .relu: 1
        case .lstm: 4
        case .gru: 3
        }
    }
}

/// One recurrent layer in one direction, from a zero state: (projected [batch, tokens, gates·width], weight
/// [width, gates·width], bias [gates·width] where ``hasBias``, ids int32 [batch, tokens] where ``isMasked``)
/// → the states [batch, tokens, width].
///
/// The input comes multiplied by its weight for all steps at once, with biases added. Only GRU needs the recurrent
/// bias apart, as its reset gate multiplies it. With ids, a sample ends with its last id that is not padding: the
/// reverse direction starts there, and states behind it are zero, as after PyTorch's `pad_packed_sequence`.
///
/// Companions for backward: LSTM its gates [batch, tokens, 4·width] and cells [batch, tokens, width]; GRU r, z, n and
/// pₙ [batch, tokens, 4·width].
public struct Recurrence: Operation {
    /// What a step computes.
    public let cell: RecurrentCell
    /// Whether it runs from the last token to the first.
    public let isReversed: Bool
    /// Whether the third operand is a recurrent bias.
    public let hasBias: Bool
    /// Whether the last operand is ids that tell where samples end.
    public let isMasked: Bool
    /// The id of padding.
    public let paddingID: Int?
    /// For instance `lstm`.
    public var name: String { cell.isPlain ? "rnn-\(cell.rawValue)" : cell.rawValue }

    /// Creates the operation.
    public init(
        _ cell: RecurrentCell, isReversed: Bool = false, hasBias: Bool = false, isMasked: Bool = false,
        paddingID: Int? = nil
    ) {
        self.cell = cell
        self.isReversed = isReversed
        self.hasBias = hasBias
        self.isMasked = isMasked
        self.paddingID = paddingID
    }

    /// [batch, tokens, width] for operands that agree on width, batch and tokens.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let numbers = isMasked ? Array(operands.dropLast()) : operands
        try requireNumbers(numbers, name: name)
        let (projected, weight) = (operands[0].shape, operands[1].shape)
        let gates = cell.gateCount
        guard projected.rank == 3, weight.rank == 2, weight[1] == gates * weight[0],
            projected[2] == weight[1]
        else {
            throw ShapeError(
                "\(name) takes [batch, tokens, \(gates)·width] and a weight [width, \(gates)·width], got "
                    + "\(projected) and \(weight)", remedy: "project the input to \(gates) gates a unit")
        }
        if hasBias, operands[2].shape != [weight[1]] {
            throw ShapeError(
                "\(name) takes a recurrent bias [\(weight[1])], got \(operands[2].shape)",
                remedy: "give one number a gate and unit")
        }
        if isMasked, operands[operands.count - 1] != TensorType([projected[0], projected[1]], .int32) {
            throw ShapeError(
                "\(name) over \(projected) takes ids int32 [\(projected[0]), \(projected[1])], got "
                    + "\(operands[operands.count - 1])", remedy: "pass the ids that the tokens come from")
        }
        return TensorType([projected[0], projected[1], weight[0]])
    }

    /// What backward needs beside the states.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        let states = try resultType(of: operands).shape
        let gates = TensorType([states[0], states[1], 4 * states[2]])
        switch cell {
        case .tanh, .relu: return []
        case .lstm: return [gates, TensorType(states)]
        case .gru: return [gates]
        }
    }

    /// One operation for the projected input; the weight's gradient is then one product over all steps.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let companions = try companionTypes(of: operands.map(\.type)).indices.map(result.companion)
        let ids = isMasked ? [operands[operands.count - 1]] : []
        let gradient = RecurrenceGradient(forward: self)
        let projected = try upstream.graph.apply(
            gradient, to: [upstream, result, operands[1]] + companions + ids)
        let steps = projected.shape[0] * projected.shape[1]
        let products = cell == .gru ? projected.companion(1) : projected
        let flat = try products.reshaped(to: [steps, products.shape[2]])
        let previous = try projected.companion(0).reshaped(to: [steps, result.shape[2]])
        let weight = try previous.matmul(flat, transposesLeft: true)
        return [projected, weight] + (hasBias ? [try flat.sum(axis: 0)] : []) + ids.map { _ in nil }
    }

    /// Sample by sample, step by step.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        forward(operands).states
    }

    /// What the same loops keep.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        let result = forward(operands)
        return cell.isPlain ? [] : cell == .lstm ? [result.gates, result.cells] : [result.gates]
    }
}

extension RecurrentCell {
    /// Whether it has a state and nothing else.
    public var isPlain: Bool { self == .tanh || self == .relu }
}

/// The gradient of ``Recurrence``: (upstream [batch, tokens, width], states, weight, the companions, ids where masked)
/// → the gradient of the projected input [batch, tokens, gates·width].
///
/// Companions: the state before each step [batch, tokens, width], with which one product over all steps gives the
/// weight's gradient; for GRU also the gradient by the recurrent product [batch, tokens, 3·width].
public struct RecurrenceGradient: Operation {
    /// The operation that is differentiated.
    public let forward: Recurrence
    /// For instance `lstm-gradient`.
    public var name: String { forward.name + "-gradient" }

    /// Creates the operation.
    public init(forward: Recurrence) { self.forward = forward }

    /// The projected input's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let states = operands[1].shape
        return TensorType([states[0], states[1], operands[2].shape[1]])
    }

    /// The states before each step, and GRU's second gradient.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        let previous = TensorType(operands[1].shape)
        return forward.cell == .gru ? [previous, try resultType(of: operands)] : [previous]
    }

    /// Sample by sample, from the last step to the first.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        backward(operands).projected
    }

    /// What the same loops give beside it.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        let result = backward(operands)
        return forward.cell == .gru ? [result.previous, result.products] : [result.previous]
    }
}

extension Tensor {
    /// The states of a recurrent layer whose input, for all steps, is this tensor: see ``Recurrence``.
    /// - Parameters:
    ///   - weight: [width, gates·width].
    ///   - bias: the recurrent bias of a GRU, [3·width]; other cells take it with the input.
    ///   - mask: the ids that tell where each sample ends; `nil` when all tokens count.
    public func recurrence(
        _ cell: RecurrentCell, weight: Tensor, bias: Tensor? = nil, isReversed: Bool = false,
        mask: TokenMask? = nil
    ) throws -> Tensor {
        let masked = mask.flatMap { mask in mask.paddingID.map { (mask.ids, $0) } }
        let operation = Recurrence(
            cell, isReversed: isReversed, hasBias: bias != nil, isMasked: masked != nil,
            paddingID: masked?.1)
        let ids = masked.map { [Tensor(graph: graph, node: $0.0)] } ?? []
        return try graph.apply(operation, to: [self, weight] + (bias.map { [$0] } ?? []) + ids)
    }
}
