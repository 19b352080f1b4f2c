/// A symbolic value: a node of a graph with a static type. It holds no numbers.
public struct Tensor {
    /// The graph that it belongs to.
    public let graph: Graph
    /// Its node number there.
    public let node: Int
    /// The token ids that this value was looked up from, with the id that means padding; `MeanPool` leaves
    /// padded tokens out.
    public var mask: TokenMask?

    /// A handle to a node.
    public init(graph: Graph, node: Int, mask: TokenMask? = nil) {
        self.graph = graph
        self.node = node
        self.mask = mask
    }

    /// Shape and element type.
    public var type: TensorType { graph.nodes[node].type }
    /// The extents, outermost first.
    public var shape: Shape { type.shape }
}

/// Which tokens of a [batch, tokens] tensor count.
public struct TokenMask {
    /// The node of the ids, int32 [batch, tokens].
    public let ids: Int
    /// The id that means "no token here"; `nil` when every token counts.
    public let paddingID: Int?

    /// Creates a mask.
    public init(ids: Int, paddingID: Int?) {
        self.ids = ids
        self.paddingID = paddingID
    }
}
