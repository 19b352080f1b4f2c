/// A residual network of images: the keys of `model.kind: resnet`.
public struct ResidualPart: Sendable, Equatable {
    /// Layers: 18 for ResNet-18, or 6n + 2 (8, 14, 20 …) for the narrow form of CIFAR's images.
    public var depth: Int
    /// For ResNet-18: whether its stem keeps the resolution, for images of about 32×32.
    public var smallImages: Bool
    /// For the narrow form: whether short cuts that change shape are 1×1 convolutions instead of having no
    /// parameters; ResNet-18 always has them.
    public var projection: Bool

    /// Creates the part.
    public init(depth: Int = 20, smallImages: Bool = false, projection: Bool = false) {
        self.depth = depth
        self.smallImages = smallImages
        self.projection = projection
    }
}

extension ResidualPart: NetworkPart {
    init(_ reader: RecipeReader) throws {
        self.init()
        depth = try reader.integer("depth", in: 8...1_202, default: 20)
        guard depth == 18 || depth % 6 == 2 else {
            throw reader.failure(
                "depth", "is \(depth)", remedy: "use 18 for ResNet-18, or 6n + 2: 8, 14, 20, 26, 32 …")
        }
        if depth == 18 {
            smallImages = try reader.flag("smallImages", default: false)
        } else {
            projection = try reader.flag("projection", default: false)
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("depth", depth)
        if depth == 18 { keys.add("smallImages", smallImages) } else { keys.add("projection", projection) }
    }
}
