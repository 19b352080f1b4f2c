import Diagnostics
import Graphs

/// A part of a model: a function from tensor to tensor that may own parameters.
///
/// Layers with parameters are classes, so that a layer called twice shares them. A model is any type with layers as
/// properties and a `callAsFunction`; its parameters are named by the properties, as PyTorch names them.
public protocol Layer {
    /// Traces the layer.
    /// - Throws: `LockstepError` naming the layer and both shapes where the input does not fit.
    func callAsFunction(_ input: Tensor) throws -> Tensor

    /// Traces a model of several inputs, such as the tokens of a source and a target text. The default takes exactly
    /// one.
    func trace(inputs: [Tensor]) throws -> Tensor

    /// The layers inside, by name; the parameters of one without a name are this layer's own. The default finds the
    /// properties that are layers, or arrays of them.
    var namedLayers: [(name: String, layer: any Layer)] { get }
}

extension Layer {
    /// Calls the layer with its one input.
    public func trace(inputs: [Tensor]) throws -> Tensor {
        guard inputs.count == 1 else {
            throw LockstepError(
                .usage, "\(type(of: self)) takes one input, got \(inputs.count)",
                remedy: "feed it one field, or use a model that takes several")
        }
        return try callAsFunction(inputs[0])
    }

    /// The properties that are layers; an array's members are named `property.index`.
    public var namedLayers: [(name: String, layer: any Layer)] {
        Mirror(reflecting: self).children.flatMap { child -> [(name: String, layer: any Layer)] in
            guard let label = child.label else { return [] }
            if let layer = child.value as? any Layer { return [(label, layer)] }
            guard let list = child.value as? [any Layer] else { return [] }
            return list.enumerated().map { ("\(label).\($0.offset)", $0.element) }
        }
    }

    /// The path of every layer object inside; one that occurs twice keeps its first.
    public func layerPaths(prefix: String = "") -> [ObjectIdentifier: String] {
        var paths: [ObjectIdentifier: String] = [:]
        for (name, layer) in namedLayers {
            let path = [prefix, name].filter { !$0.isEmpty }.joined(separator: ".")
            if type(of: layer) is AnyClass {
                let identity = ObjectIdentifier(layer as AnyObject)
                paths[identity] = paths[identity] ?? path
            }
            paths.merge(layer.layerPaths(prefix: path)) { first, _ in first }
        }
        return paths
    }
}
