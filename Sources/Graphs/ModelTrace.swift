/// A model traced for one size of micro-batch: what the planner turns into a program.
public struct ModelTrace {
    /// A field of the micro-batch.
    public struct Field: Sendable, Equatable {
        /// The field's name, for instance `features`.
        public let name: String
        /// The shape of one sample.
        public let sampleShape: Shape
        /// What one element is.
        public let element: ElementType

        /// Creates a field.
        public init(_ name: String, _ sampleShape: Shape, _ element: ElementType = .float32) {
            self.name = name
            self.sampleShape = sampleShape
            self.element = element
        }
    }

    /// The graph with forward, loss and gradients.
    public let graph: Graph
    /// The fields in the order in which the program is fed.
    public let fields: [Field]
    /// Logits or predictions.
    public let predictions: Tensor
    /// The summed loss; `nil` without labels.
    public let loss: Tensor?
    /// The gradient of each of the graph's parameters; empty unless training.
    public let gradients: [Tensor?]
    /// How many terms the loss sums at most, and where ``termCount`` is `nil`, always.
    public let lossTermCount: Int
    /// The number of terms that the loss really sums, a scalar, where it depends on the labels.
    public let termCount: Tensor?
    /// Samples in the micro-batch.
    public let sampleCount: Int

    /// Gathers what a trace produced.
    public init(
        graph: Graph, fields: [Field], predictions: Tensor, loss: Tensor?, gradients: [Tensor?],
        lossTermCount: Int, termCount: Tensor? = nil, sampleCount: Int
    ) {
        self.graph = graph
        self.fields = fields
        self.predictions = predictions
        self.loss = loss
        self.gradients = gradients
        self.lossTermCount = lossTermCount
        self.termCount = termCount
        self.sampleCount = sampleCount
    }

    /// The label whose rows the loss leaves out; `nil` when every row counts.
    public var ignoredLabel: Int? {
        termCount.flatMap { graph.nodes[$0.node].operation as? CountLabels }?.ignoredLabel
    }

    /// Whether gradients are computed.
    public var isTraining: Bool { !gradients.isEmpty }
}
