import COneDNN

extension cdnn_convolution_shape {
    /// Whether Winograd's algorithm F(4×4, 3×3) (Lavin and Gray 2016, "Fast algorithms for convolutional neural
    /// networks") pays: a product of channels by outputs for each of 36 frequencies, with a quarter of the
    /// multiplications. oneDNN has it for float32 and dense 3×3 kernels by steps of one.
    ///
    /// The bounds were measured (Execution.docc): with few channels moving the tiles there and back decides; with few
    /// tiles, reading the weights of all frequencies does, but for their gradient, which the direct algorithm computes
    /// slowly on small images.
    var suitsWinograd: Bool {
        guard images_are_half == 0, groups == 1, (kernel_height, kernel_width) == (3, 3),
            (stride_height, stride_width) == (1, 1), (dilation_height, dilation_width) == (1, 1),
            channels % 16 == 0, outputs % 16 == 0, channels * outputs >= 2048
        else { return false }
        let isData = kind == Int32(cdnn_convolution_backward_data)
        let (height, width) = isData ? (image_height, image_width) : (windows_height, windows_width)
        let tiles = samples * ((height + 3) / 4) * ((width + 3) / 4)
        return tiles >= (kind == Int32(cdnn_convolution_backward_weights) ? 32 : 128)
    }

    /// The same convolution by Winograd's algorithm, on the one layout that it takes.
    var byWinograd: cdnn_convolution_shape {
        var shape = self
        shape.uses_winograd = 1
        (shape.image_block, shape.windows_block) = (Int32(cdnn_block16), Int32(cdnn_block16))
        return shape
    }
}
