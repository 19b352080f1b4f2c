import Diagnostics
import Graphs

/// What low-rank adapters are made of; the same for all of a model.
public struct LowRankOptions: Sendable, Equatable {
    /// The numbers between the two matrices of an adapter.
    public var rank: Int
    /// An adapter's result is multiplied by alpha / rank, so that the rate need not change with the rank.
    public var alpha: Double
    /// The rate of dropout on what an adapter reads, in [0, 1).
    public var dropout: Double

    /// Creates options.
    public init(rank: Int = 8, alpha: Double = 16, dropout: Double = 0) {
        (self.rank, self.alpha, self.dropout) = (rank, alpha, dropout)
    }
}

/// A change of low rank to a layer's matrix that learns while the matrix stays (Hu et al., "LoRA: Low-Rank Adaptation of
/// Large Language Models", 2021): x·W becomes x·W + (alpha / rank)·x·A·B.
///
/// A begins as Hugging Face's peft does, uniform in ±1/√inputs (Kaiming's for a slope of √5), and B at zero, so that an
/// adapted model begins as the model it adapts. Checkpoints hold `lora_A.weight` [rank, inputs] and `lora_B.weight`
/// [outputs, rank] beside the layer's own, as peft does.
public final class LowRankAdapter {
    /// The sizes.
    public let options: LowRankOptions

    /// Creates an adapter.
    public init(_ options: LowRankOptions) { self.options = options }

    /// Whether a parameter of this name belongs to an adapter.
    public static func owns(_ name: String) -> Bool {
        name.hasSuffix("lora_A.weight") || name.hasSuffix("lora_B.weight")
    }

    /// What is added to a layer's product: [..., inputs] → [rows, outputs]. Called inside the scope of the layer.
    /// - Parameters:
    ///   - outputs: of the layer's whole matrix.
    ///   - columns: those that the product computes; all unless told otherwise.
    func change(_ input: Tensor, outputs: Int, columns: Range<Int>? = nil) throws -> Tensor {
        guard options.rank > 0, options.alpha > 0 else {
            throw input.graph.refusal(
                "an adapter of rank \(options.rank) with an alpha of \(options.alpha)",
                remedy: "use a rank of at least 1 and an alpha above 0")
        }
        let inputs = input.shape.rank > 0 ? input.shape[-1] : 1
        let down = try input.graph.parameter(
            "lora_A.weight", of: self, shape: [inputs, options.rank], storage: .transposed,
            initializer: Uniform(limit: 1 / Double(inputs).squareRoot()))
        var up = try input.graph.parameter(
            "lora_B.weight", of: self, shape: [options.rank, outputs], storage: .transposed,
            initializer: Zeros())
        if let columns { up = try up.sliced(axis: 1, columns) }
        // Samples are dropped from as they come: rows of tokens would be numbered across samples.
        let rows = try Dropout(options.dropout)(input)
            .reshaped(to: [input.shape.elementCount / max(inputs, 1), inputs])
        return try rows.matmul(down).scaled(by: options.alpha / Double(options.rank)).matmul(up)
    }
}

/// A layer with a matrix that an adapter can change.
protocol Adaptable: Layer, AnyObject {
    /// The change; `nil` for none.
    var adapter: LowRankAdapter? { get set }
}

extension Layer {
    /// Gives adapters to the layers with a matrix (``Dense``, ``JointProjection``) whose path fits one of some patterns.
    /// Call it before the model is traced; a layer that has an adapter of the same options keeps it.
    /// - Parameters:
    ///   - patterns: a path, such as `encoder.layer.0.attention.self.query`, or its end from a dot on, such as `query`;
    ///     `*` stands for any characters.
    /// - Returns: the paths of the layers that have one now.
    /// - Throws: `LockstepError` (2) for a pattern that fits no layer.
    @discardableResult
    public func addAdapters(_ options: LowRankOptions, to patterns: [String]) throws -> [String] {
        let layers = adaptableLayers()
        for pattern in patterns where !layers.contains(where: { Self.fits($0.path, pattern) }) {
            throw LockstepError(
                .usage, "no layer with a matrix is named '\(pattern)'",
                remedy: layers.isEmpty
                    ? "the model has none" : Suggestions.remedy(for: pattern, among: layers.map(\.path)))
        }
        let chosen = layers.filter { layer in patterns.contains { Self.fits(layer.path, $0) } }
        for (_, layer) in chosen where layer.adapter?.options != options {
            layer.adapter = LowRankAdapter(options)
        }
        return chosen.map(\.path)
    }

    private static func fits(_ path: String, _ pattern: String) -> Bool {
        NamePattern.matches(pattern, path) || NamePattern.matches("*." + pattern, path)
    }

    /// The layers with a matrix by their paths; one that occurs twice has its first.
    private func adaptableLayers(prefix: String = "") -> [(path: String, layer: any Adaptable)] {
        var found: [(path: String, layer: any Adaptable)] = []
        for (name, layer) in namedLayers {
            let path = [prefix, name].filter { !$0.isEmpty }.joined(separator: ".")
            let inside = (layer as? any Adaptable).map { [(path: path, layer: $0)] } ?? []
            for next in inside + layer.adaptableLayers(prefix: path)
            where !found.contains(where: { $0.layer === next.layer }) {
                found.append(next)
            }
        }
        return found
    }
}
