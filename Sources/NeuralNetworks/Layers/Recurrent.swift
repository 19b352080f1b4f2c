import Diagnostics
import Graphs

/// What a stack of recurrent layers gives.
public enum RecurrentOutput: String, Sendable, CaseIterable {
    /// The states of all tokens, [batch, tokens, directions·width].
    case sequence
    /// The last state, [batch, directions·width]: the forward direction's at a sample's last token, the reverse
    /// direction's at its first.
    case last
    /// The mean of the states over the tokens that count, [batch, directions·width].
    case mean
}

/// What RNN, LSTM and GRU have in common: their settings, and the tracing of a stack of them.
///
/// Parameters are named as PyTorch names them and held by checkpoints in its layouts: `weight_ih_l0`
/// [gates·width, inputs], `weight_hh_l0` [gates·width, width], `bias_ih_l0` and `bias_hh_l0` [gates·width]; layer k
/// ends in `_lk`, a reverse direction in `_reverse`.
public struct RecurrentSettings: Sendable {
    /// Numbers of a direction's state.
    public let hiddenSize: Int
    /// Layers one upon the other.
    public let layerCount: Int
    /// Whether each layer also runs from the last token to the first; the states of both stand side by side.
    public let isBidirectional: Bool
    /// The dropout rate between layers, not behind the last.
    public let dropout: Double
    /// Whether biases are added.
    public let hasBias: Bool
    /// What the stack gives.
    public let output: RecurrentOutput

    /// Traces the stack on [batch, tokens, inputs].
    func trace(_ cell: RecurrentCell, _ input: Tensor, owner: AnyObject, kind: String) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: owner, kind: kind) {
            try check(input, graph.path)
            var states = input
            for layer in 0..<layerCount {
                if layer > 0 { states = try Dropout(dropout)(states) }
                let directions = try (isBidirectional ? [false, true] : [false]).map { isReversed in
                    try direction(
                        cell, states, owner: owner, suffix: "_l\(layer)" + (isReversed ? "_reverse" : ""),
                        isReversed: isReversed)
                }
                states =
                    directions.count == 1
                    ? directions[0] : try directions[0].concatenated(with: directions[1], axis: 2)
                states.mask = input.mask
            }
            return try pooled(states)
        }
    }

    private func check(_ input: Tensor, _ path: String) throws {
        guard input.shape.rank == 3, input.type.element == .float32 else {
            throw LockstepError(
                .usage,
                "layer '\(path)': a recurrent layer takes float32 [batch, tokens, width], got \(input.type)",
                remedy: "put it behind an embedding, before any pooling")
        }
        guard layerCount > 0, hiddenSize > 0 else {
            throw LockstepError(
                .usage, "layer '\(path)': \(layerCount) recurrent layers of width \(hiddenSize)",
                remedy: "use at least one layer and a positive width")
        }
        guard (0..<1).contains(dropout) else {
            throw LockstepError(
                .usage, "layer '\(path)': a dropout rate of \(dropout)",
                remedy: "use a rate from 0 up to, not including, 1")
        }
    }

    /// One layer in one direction: one product projects all steps, then the cell runs over them.
    private func direction(
        _ cell: RecurrentCell, _ input: Tensor, owner: AnyObject, suffix: String, isReversed: Bool
    ) throws -> Tensor {
        let graph = input.graph
        let (batch, tokens, inputs) = (input.shape[0], input.shape[1], input.shape[2])
        let columns = cell.gateCount * hiddenSize
        let uniform = Uniform(limit: 1 / Double(hiddenSize).squareRoot())
        func matrix(_ name: String, _ rows: Int) throws -> Tensor {
            try graph.parameter(
                name + suffix, of: owner, shape: [rows, columns], storage: .transposed, initializer: uniform)
        }
        func bias(_ name: String) throws -> Tensor {
            try graph.parameter(
                name + suffix, of: owner, shape: [columns], initializer: uniform, isRegularized: false)
        }
        let inputWeight = try matrix("weight_ih", inputs)
        let weight = try matrix("weight_hh", hiddenSize)
        var projected = try input.reshaped(to: [batch * tokens, inputs]).matmul(inputWeight)
        var recurrentBias: Tensor?
        if hasBias {
            let (ofInput, ofState) = (try bias("bias_ih"), try bias("bias_hh"))
            // Only GRU's reset gate stands between the two biases.
            projected = try projected.addingBias(cell == .gru ? ofInput : ofInput + ofState)
            recurrentBias = cell == .gru ? ofState : nil
        }
        return try projected.reshaped(to: [batch, tokens, columns]).recurrence(
            cell, weight: weight, bias: recurrentBias, isReversed: isReversed, mask: input.mask)
    }

    private func pooled(_ states: Tensor) throws -> Tensor {
        switch output {
        case .sequence: states
        case .last: try states.lastState(forwardWidth: hiddenSize, mask: states.mask)
        case .mean: try MeanPool(axis: 1)(states)
        }
    }
}

/// Simple recurrent layers: h′ = f(x·W + b + h·U + b′), as PyTorch's `RNN`.
public final class RNN: Layer {
    /// Sizes, directions, dropout and output.
    public let settings: RecurrentSettings
    /// The function of a step.
    public let activation: Activation

    /// Creates a stack of layers; [batch, tokens, inputs] → see ``RecurrentOutput``.
    /// - Parameters:
    ///   - activation: `.tanh` or `.relu`.
    ///   - dropout: the rate between layers.
    public init(
        _ hiddenSize: Int, activation: Activation = .tanh, layerCount: Int = 1, isBidirectional: Bool = false,
        dropout: Double = 0, bias: Bool = true, output: RecurrentOutput = .sequence
    ) {
        settings = RecurrentSettings(
            hiddenSize: hiddenSize, layerCount: layerCount, isBidirectional: isBidirectional,
            dropout: dropout,
            hasBias: bias, output: output)
        self.activation = activation
    }

    /// Traces the stack.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        guard activation == .tanh || activation == .relu else {
            throw graph.scope(of: self, kind: "rnn") {
                LockstepError(
                    .usage, "layer '\(graph.path)': a recurrent layer with \(activation.rawValue)",
                    remedy: "use tanh or relu, or an LSTM or GRU")
            }
        }
        return try settings.trace(activation == .tanh ? .tanh : .relu, input, owner: self, kind: "rnn")
    }
}

/// Long short-term memory layers (Hochreiter and Schmidhuber 1997), as PyTorch's `LSTM`.
public final class LSTM: Layer {
    /// Sizes, directions, dropout and output.
    public let settings: RecurrentSettings

    /// Creates a stack of layers; [batch, tokens, inputs] → see ``RecurrentOutput``.
    /// - Parameter dropout: the rate between layers.
    public init(
        _ hiddenSize: Int, layerCount: Int = 1, isBidirectional: Bool = false, dropout: Double = 0,
        bias: Bool = true, output: RecurrentOutput = .sequence
    ) {
        settings = RecurrentSettings(
            hiddenSize: hiddenSize, layerCount: layerCount, isBidirectional: isBidirectional,
            dropout: dropout,
            hasBias: bias, output: output)
    }

    /// Traces the stack.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try settings.trace(.lstm, input, owner: self, kind: "lstm")
    }
}

/// Gated recurrent layers (Cho et al. 2014) with the reset after the product, as PyTorch's `GRU`.
public final class GRU: Layer {
    /// Sizes, directions, dropout and output.
    public let settings: RecurrentSettings

    /// Creates a stack of layers; [batch, tokens, inputs] → see ``RecurrentOutput``.
    /// - Parameter dropout: the rate between layers.
    public init(
        _ hiddenSize: Int, layerCount: Int = 1, isBidirectional: Bool = false, dropout: Double = 0,
        bias: Bool = true, output: RecurrentOutput = .sequence
    ) {
        settings = RecurrentSettings(
            hiddenSize: hiddenSize, layerCount: layerCount, isBidirectional: isBidirectional,
            dropout: dropout,
            hasBias: bias, output: output)
    }

    /// Traces the stack.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try settings.trace(.gru, input, owner: self, kind: "gru")
    }
}
