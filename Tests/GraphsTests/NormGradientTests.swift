import Graphs
import Testing

/// The gradient rules of norms against central differences of their references, in float64.
@Suite struct NormGradientTests {
    @Test(arguments: [([3, 5], 1), ([2, 3, 4], 1), ([2, 3, 4], 2), ([2, 1], 1)] as [([Int], Int)])
    func layerNorm(shapes: ([Int], Int)) throws {
        let (shape, axes) = (Shape(shapes.0), shapes.1)
        for factorCount in 0...2 {
            let check = GradientCheck(seed: axes + factorCount)
            let row = Shape(Array(shape.dimensions.suffix(axes)))
            let x = try check.parameter(shape)
            let scale = try factorCount > 0 ? check.parameter(row) : nil
            let shift = try factorCount > 1 ? check.parameter(row) : nil
            // An epsilon that matters, so that forgetting it is seen.
            let y = try x.layerNormalized(axes: axes, scale: scale, shift: shift, epsilon: 0.3)
            #expect(y.shape == shape)
            try check.verify(check.weighted(y * y))
        }
    }

    @Test(arguments: [1, 2], [true, false]) func rmsNorm(axes: Int, hasScale: Bool) throws {
        let check = GradientCheck(seed: axes)
        let x = try check.parameter([2, 3, 4])
        let scale = try hasScale ? check.parameter(axes == 1 ? [4] : [3, 4]) : nil
        let y = try x.rmsNormalized(axes: axes, scale: scale, epsilon: 0.3)
        try check.verify(check.weighted(y * y))
    }

    @Test(arguments: [[4, 3], [3, 2, 4], [2, 3, 2, 2]]) func batchNorm(shape: [Int]) throws {
        let check = GradientCheck(seed: shape.count)
        let x = try check.parameter(Shape(shape))
        let (scale, shift) = (try check.parameter([shape[1]]), try check.parameter([shape[1]]))
        let y = try x.batchNormalized(scale: scale, shift: shift, epsilon: 0.3)
        try check.verify(check.weighted(y * y))
    }

    @Test(arguments: [([2, 4], 2), ([2, 6, 3], 3), ([1, 3, 2, 2], 1), ([2, 2, 3], 2)] as [([Int], Int)])
    func groupNorm(shape: [Int], groups: Int) throws {
        let check = GradientCheck(seed: groups)
        let x = try check.parameter(Shape(shape))
        let (scale, shift) = (try check.parameter([shape[1]]), try check.parameter([shape[1]]))
        let y = try x.groupNormalized(groups: groups, scale: scale, shift: shift, epsilon: 0.3)
        try check.verify(check.weighted(y * y))
    }

    /// A residual stream, as transformers have it: the sum goes past the norm and into it.
    @Test func residualStream() throws {
        let check = GradientCheck()
        let (x, r) = (try check.parameter([3, 4]), try check.parameter([3, 4]))
        let scale = try check.parameter([4])
        let sum = try x + r
        try check.verify(check.weighted(sum + sum.layerNormalized(scale: scale, epsilon: 0.1)))
    }
}
