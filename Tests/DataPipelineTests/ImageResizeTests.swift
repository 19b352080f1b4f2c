import DataPipeline
import Testing

@Suite struct ImageResizeTests {
    @Test func bilinearEqualsPillow() throws {
        let recorded = try RecordedImages()
        let colour = try recorded.colour()
        for wanted in recorded.bilinear {
            let image = colour.resized(width: wanted.width, height: wanted.height, method: .bilinear)
            // Pillow 13 filters columns before rows where that is less work, which rounds otherwise.
            let tolerance = wanted.width == 29 ? 1 : 0
            let worst = zip(image.elements, wanted.pixels).map { abs(Int($0) - Int($1)) }.max()
            #expect(try #require(worst) <= tolerance, "\(wanted.width) x \(wanted.height)")
        }
    }

    /// The definition: the mean of all that a new pixel covers, counted on a grid fine enough to be exact.
    @Test func areaEqualsThePlainReference() {
        var random = FixedRandom(state: 8)
        for (width, height, newWidth, newHeight) in [
            (12, 8, 4, 4), (13, 9, 5, 4), (7, 5, 7, 2), (3, 4, 7, 9), (1, 1, 3, 2), (11, 6, 1, 1),
            (8, 9, 6, 10),
        ] {
            for channels in [1, 3] {
                let elements = (0..<(width * height * channels)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                let image = Image(width: width, height: height, channelCount: channels, elements: elements)
                let small = image.resized(width: newWidth, height: newHeight, method: .area)
                for row in 0..<newHeight {
                    for column in 0..<newWidth {
                        for channel in 0..<channels {
                            var sum = 0
                            for y in (row * height)..<((row + 1) * height) {
                                for x in (column * width)..<((column + 1) * width) {
                                    sum += Int(
                                        image[row: y / newHeight, column: x / newWidth, channel: channel])
                                }
                            }
                            let mean = (Double(sum) / Double(width * height) + 0.5).rounded(.down)
                            #expect(Double(small[row: row, column: column, channel: channel]) == mean)
                        }
                    }
                }
            }
        }
    }

    @Test func theSameSizeIsTheSamePicture() throws {
        let colour = try RecordedImages().colour()
        for method in ResizeMethod.allCases {
            #expect(colour.resized(width: 13, height: 9, method: method) == colour)
        }
    }
}
