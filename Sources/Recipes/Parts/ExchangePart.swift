/// How nodes exchange gradients, where there are several: the group `training.exchange` of a recipe.
public struct ExchangePart: Sendable, Equatable {
    /// Whether gradients travel while backward goes on; the bits are the same.
    public var overlap: Bool
    /// Millions of bytes of gradients that travel together.
    public var bucketMegabytes: Double
    /// Steps that each node takes by itself before parameters and optimizer state are averaged; 1 sums gradients over all
    /// nodes at every step.
    public var localSteps: Int
    /// What nodes share out among them, to the same bits (ZeRO): 0 nothing; 1 optimizer state and updates; 2 also the
    /// memory of summed gradients.
    public var zeroStage: Int
    /// How gradients are packed.
    public var compression: Compression
    /// For ``Compression/topK``: the share of elements that travel.
    public var topFraction: Double
    /// For ``Compression/powerSGD``: the columns of the factors.
    public var factorRank: Int

    /// Names of the rules by which gradients are packed between nodes.
    public enum Compression: String, CaseIterable, Sendable {
        /// As they are: the bits do not depend on the nodes.
        case none
        /// Rounded to bfloat16.
        case bfloat16
        /// Rounded to float16, with a scale for every 1,024.
        case float16
        /// The largest alone; the rest is kept for later.
        case topK
        /// Products of thin matrices; what they miss is kept for later.
        case powerSGD
    }

    /// Creates the part.
    public init(
        overlap: Bool = true, bucketMegabytes: Double = 4, localSteps: Int = 1,
        zeroStage: Int = 0, compression: Compression = .none,
        topFraction: Double = 0.01, factorRank: Int = 4
    ) {
        self.overlap = overlap
        self.bucketMegabytes = bucketMegabytes
        self.localSteps = localSteps
        self.zeroStage = zeroStage
        self.compression = compression
        self.topFraction = topFraction
        self.factorRank = factorRank
    }
}

extension ExchangePart {
    init(_ reader: RecipeReader) throws {
        overlap = try reader.flag("overlap", default: true)
        bucketMegabytes = try reader.number("bucketMegabytes", .above(0), default: 4)
        localSteps = try reader.integer("localSteps", in: 1...1_000_000, default: 1)
        zeroStage = try reader.integer("zeroStage", in: 0...2, default: 0)
        compression = try reader.choice("compression", default: .none)
        topFraction = 0.01
        factorRank = 4
        if compression == .topK { topFraction = try reader.number("topFraction", .above(0), default: 0.01) }
        if compression == .powerSGD {
            factorRank = try reader.integer("factorRank", in: 1...1024, default: 4)
        }
        try reader.finish()
        if localSteps > 1, compression != .none {
            throw reader.failure(
                "localSteps", "above 1 exchange parameters, which compression would spoil",
                remedy: "keep one of training.exchange.localSteps and training.exchange.compression")
        }
        if zeroStage > 0, localSteps > 1 || compression != .none {
            throw reader.failure(
                "zeroStage",
                "above 0 needs the exact sum of every step, which \(localSteps > 1 ? "localSteps" : "compression") "
                    + "gives up",
                remedy: "keep one of training.exchange.zeroStage and the other")
        }
        if topFraction > 1 {
            throw reader.failure(
                "topFraction", "is \(topFraction), more than all", remedy: "use a share, at most 1")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("overlap", overlap)
        keys.add("bucketMegabytes", bucketMegabytes)
        keys.add("localSteps", localSteps)
        keys.add("zeroStage", zeroStage)
        keys.add("compression", compression.rawValue)
        if compression == .topK { keys.add("topFraction", topFraction) }
        if compression == .powerSGD { keys.add("factorRank", factorRank) }
    }
}
