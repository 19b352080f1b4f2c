/// A step of one node by itself, measured: when backward completes which bucket, and what comes after backward.
public struct StepTimeline: Sendable, Equatable {
    /// A bucket of gradients.
    public struct Bucket: Sendable, Equatable {
        /// Elements.
        public var elementCount: Int
        /// Seconds from the start of the step until backward has completed it.
        public var ready: Double
        /// Packed for the network; `nil` where it travels as it is.
        public var packed: PackedBucket?

        /// Creates a bucket.
        public init(elementCount: Int, ready: Double, packed: PackedBucket? = nil) {
            self.elementCount = elementCount
            self.ready = ready
            self.packed = packed
        }
    }

    /// The buckets in the order in which they are completed.
    public var buckets: [Bucket]
    /// Seconds of forward and backward.
    public var backward: Double
    /// Seconds from there to the end of the step: norm and update.
    public var update: Double
    /// Bytes of memory that a core reads and writes a second: what additions between messages cost.
    public var memoryBytesPerSecond: Double

    /// Creates a timeline.
    public init(buckets: [Bucket], backward: Double, update: Double, memoryBytesPerSecond: Double) {
        self.buckets = buckets
        self.backward = backward
        self.update = update
        self.memoryBytesPerSecond = memoryBytesPerSecond
    }

    /// Seconds of the step.
    public var step: Double { backward + update }

    /// Bytes of float32 gradients.
    public var byteCount: Int { buckets.reduce(0) { $0 + $1.elementCount } * 4 }

    /// The same shape with another duration: another machine, or cores that others use too.
    public func scaled(toStep seconds: Double) -> StepTimeline {
        let factor = step > 0 ? seconds / step : 1
        var result = self
        for index in buckets.indices { result.buckets[index].ready *= factor }
        result.backward *= factor
        result.update *= factor
        return result
    }
}

/// What a rule of compression makes of a bucket, and what it costs.
public struct PackedBucket: Sendable, Equatable {
    /// Bytes of the packed form.
    public var byteCount: Int
    /// Seconds to pack it.
    public var packing: Double
    /// Seconds to unpack one node's.
    public var unpacking: Double

    /// Creates it.
    public init(byteCount: Int, packing: Double, unpacking: Double) {
        self.byteCount = byteCount
        self.packing = packing
        self.unpacking = unpacking
    }
}
