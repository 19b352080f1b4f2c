import CKernels
import Graphs

/// A pooling or its gradient: all work on plain and on blocked images.
protocol PoolingStep: ChoosesLayout {
    var window: PoolingWindow { get }
}

extension PoolingStep {
    var layouts: LayoutRule { .chooses }

    /// The call of a kernel for images that lie as `image`.
    func arguments(image: Site.Value, windows: Site.Value) -> lk_pooling {
        let (shape, layout) = (image.type.shape, image.layout)
        var call = lk_pooling()
        call.lanes = layout.block
        call.planes = shape[0] * ((shape[1] + layout.block - 1) / layout.block)
        (call.height, call.width) = (shape[2], shape[3])
        (call.rows, call.columns) = (windows.type.shape[2], windows.type.shape[3])
        (call.kernel_height, call.kernel_width) = (window.kernel.height, window.kernel.width)
        (call.stride_height, call.stride_width) = (window.stride.height, window.stride.width)
        (call.padding_height, call.padding_width) = (window.padding.height, window.padding.width)
        (call.type, call.window_type) = (image.kernelType, windows.kernelType)
        return call
    }

    /// All images as one of them lies.
    func all(_ layout: TensorLayout, _ operands: [PlanValue], _ results: [PlanValue]) -> LayoutChoice {
        LayoutChoice(
            operands: operands.map { _ in layout }, results: results.map { _ in layout }, operation: self)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        max(operands[0].shape.elementCount, results[0].shape.elementCount)
    }
}

extension MaxPool: PoolingStep {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func chooseLayouts(operands: [PlanValue], results: [PlanValue], seen: (Shape) -> TensorLayout)
        -> LayoutChoice
    { all(operands[0].layout, operands, results) }

    func lower(_ site: Site) throws -> Instruction { maxPoolInstruction(site, label: name, hasReLU: false) }

    /// The kernel, with ReLU behind the maximum on request.
    func maxPoolInstruction(_ site: Site, label: String, hasReLU: Bool) -> Instruction {
        var call = arguments(image: site.operands[0], windows: site.results[0])
        call.wide_places = placeElement == .uint8 ? 0 : 1
        call.relu = hasReLU ? 1 : 0
        let (x, y) = (site.operands[0].slot, site.results[0].slot)
        let places = site.results.count > 1 ? site.results[1].slot : nil
        return Instruction(label: label) { [call] frame in
            var call = call
            lk_max_pool(&call, x.bytes(frame), y.bytes(frame), places?.bytes(frame))
        }
    }
}

/// ReLU, then max pooling, in one pass: see `Fusion.fuseReLUPools`.
struct ReLUMaxPool: PoolingStep {
    let pool: MaxPool
    var window: PoolingWindow { pool.window }
    var name: String { "relu+max-pool" }
    var precision: PrecisionRule { pool.precision }

    func chooseLayouts(operands: [PlanValue], results: [PlanValue], seen: (Shape) -> TensorLayout)
        -> LayoutChoice
    { all(operands[0].layout, operands, results) }

    func lower(_ site: Site) throws -> Instruction {
        pool.maxPoolInstruction(site, label: name, hasReLU: true)
    }
}

extension MaxPoolGradient: PoolingStep {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    /// The winners' numbers lie as the forward images did.
    func chooseLayouts(operands: [PlanValue], results: [PlanValue], seen: (Shape) -> TensorLayout)
        -> LayoutChoice
    { all(operands[1].layout, operands, results) }

    func lower(_ site: Site) throws -> Instruction {
        var call = arguments(image: site.results[0], windows: site.operands[0])
        call.wide_places = site.operands[1].type.element == .uint8 ? 0 : 1
        let (dy, places, dx) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        return Instruction(label: name) { [call] frame in
            var call = call
            lk_max_pool_gradient(&call, dy.bytes(frame), places.bytes(frame), dx.bytes(frame))
        }
    }
}

extension AveragePool: PoolingStep {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func chooseLayouts(operands: [PlanValue], results: [PlanValue], seen: (Shape) -> TensorLayout)
        -> LayoutChoice
    { all(operands[0].layout, operands, results) }

    func lower(_ site: Site) throws -> Instruction {
        var call = arguments(image: site.operands[0], windows: site.results[0])
        call.counts_padding = countsPadding ? 1 : 0
        let (x, y) = (site.operands[0].slot, site.results[0].slot)
        return Instruction(label: name) { [call] frame in
            var call = call
            lk_average_pool(&call, x.bytes(frame), y.bytes(frame))
        }
    }
}

extension AveragePoolGradient: PoolingStep {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    /// As the images lay that were pooled.
    func chooseLayouts(operands: [PlanValue], results: [PlanValue], seen: (Shape) -> TensorLayout)
        -> LayoutChoice
    { all(seen(image), operands, results) }

    func lower(_ site: Site) throws -> Instruction {
        var call = arguments(image: site.results[0], windows: site.operands[0])
        call.counts_padding = countsPadding ? 1 : 0
        let (dy, dx) = (site.operands[0].slot, site.results[0].slot)
        return Instruction(label: name) { [call] frame in
            var call = call
            lk_average_pool_gradient(&call, dy.bytes(frame), dx.bytes(frame))
        }
    }
}

extension ChannelBias: ChoosesLayout {
    var canRunInPlace: Bool { true }
    var layouts: LayoutRule { .chooses }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func chooseLayouts(operands: [PlanValue], results: [PlanValue], seen: (Shape) -> TensorLayout)
        -> LayoutChoice
    {
        LayoutChoice(
            operands: [operands[0].layout, .plain], results: [operands[0].layout], operation: self)
    }

    func lower(_ site: Site) throws -> Instruction {
        let (x, bias, y) = (site.operands[0], site.operands[1].slot, site.results[0])
        let (shape, lanes) = (x.type.shape, x.layout.block)
        let pixels = shape.dimensions[2...].reduce(1, *)
        return Instruction(label: name) { frame in
            lk_channel_bias(
                x.slot.bytes(frame), x.kernelType, bias.floats(frame), y.slot.bytes(frame), y.kernelType,
                shape[0], shape[1], pixels, lanes)
        }
    }
}
