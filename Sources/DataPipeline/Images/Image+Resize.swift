/// How a picture is brought to another size.
public enum ResizeMethod: String, Codable, Sendable, CaseIterable {
    /// Each new pixel is the mean of the area that it covers, pixels at the border counted by their share.
    case area
    /// Each new pixel is a mean weighted by a triangle, whose width grows as the picture shrinks, as Pillow's
    /// BILINEAR.
    case bilinear
}

extension Image {
    /// The picture at another size, its sides stretched each by its own factor.
    public func resized(width newWidth: Int, height newHeight: Int, method: ResizeMethod) -> Image {
        precondition(newWidth > 0 && newHeight > 0, "a picture has at least one pixel")
        if newWidth == width, newHeight == height { return self }
        return switch method {
        case .area: resizedByArea(newWidth, newHeight)
        case .bilinear: resizedByTriangle(newWidth, newHeight)
        }
    }

    /// All in whole numbers: along a side of n old and m new pixels, an old pixel is m units long and a new one n,
    /// so that each shares a whole number of units with each. The result is exact, halves rounded up.
    private func resizedByArea(_ newWidth: Int, _ newHeight: Int) -> Image {
        let channels = channelCount
        let columns = AreaShares(from: width, to: newWidth)
        let rows = AreaShares(from: height, to: newHeight)
        let rowLength = newWidth * channels
        var narrow = [UInt32](repeating: 0, count: rowLength)
        var sums = [UInt64](repeating: 0, count: rowLength)
        let area = UInt64(width) * UInt64(height)
        let result = [UInt8](unsafeUninitializedCapacity: newHeight * rowLength) { pixels, count in
            // A row of old pixels is narrowed once, also where two new rows share it.
            var narrowed = -1
            for row in 0..<newHeight {
                for place in 0..<rowLength { sums[place] = 0 }
                for (old, share) in rows.shares(of: row) {
                    if narrowed != old {
                        narrowRow(old, columns, into: &narrow)
                        narrowed = old
                    }
                    let weight = UInt64(share)
                    for place in 0..<rowLength { sums[place] &+= weight &* UInt64(narrow[place]) }
                }
                for place in 0..<rowLength {
                    pixels[row * rowLength + place] = UInt8((sums[place] &+ area / 2) / area)
                }
            }
            count = newHeight * rowLength
        }
        return Image(width: newWidth, height: newHeight, channelCount: channels, elements: result)
    }

    private func narrowRow(_ row: Int, _ columns: AreaShares, into narrow: inout [UInt32]) {
        let channels = channelCount
        elements.withUnsafeBufferPointer { old in
            for column in 0..<columns.newCount {
                for channel in 0..<channels { narrow[column * channels + channel] = 0 }
                for (place, share) in columns.shares(of: column) {
                    let pixel = (row * width + place) * channels
                    for channel in 0..<channels {
                        narrow[column * channels + channel] &+= share &* UInt32(old[pixel + channel])
                    }
                }
            }
        }
    }

    private func resizedByTriangle(_ newWidth: Int, _ newHeight: Int) -> Image {
        let narrow = newWidth == width ? self : filtered(TriangleFilter(from: width, to: newWidth))
        return newHeight == height ? narrow : narrow.filteredRows(TriangleFilter(from: height, to: newHeight))
    }

    /// Along each row.
    private func filtered(_ filter: TriangleFilter) -> Image {
        let (channels, newWidth) = (channelCount, filter.newCount)
        let result = [UInt8](unsafeUninitializedCapacity: height * newWidth * channels) { pixels, count in
            elements.withUnsafeBufferPointer { old in
                for row in 0..<height {
                    for column in 0..<newWidth {
                        let (first, weights) = filter.weights(of: column)
                        for channel in 0..<channels {
                            var sum = TriangleFilter.half
                            var place = (row * width + first) * channels + channel
                            for weight in weights {
                                sum &+= weight &* Int32(old[place])
                                place &+= channels
                            }
                            pixels[(row * newWidth + column) * channels + channel] = TriangleFilter.byte(sum)
                        }
                    }
                }
            }
            count = height * newWidth * channels
        }
        return Image(width: newWidth, height: height, channelCount: channels, elements: result)
    }

    /// Along each column.
    private func filteredRows(_ filter: TriangleFilter) -> Image {
        let rowLength = width * channelCount
        var sums = [Int32](repeating: 0, count: rowLength)
        let result = [UInt8](unsafeUninitializedCapacity: filter.newCount * rowLength) { pixels, count in
            elements.withUnsafeBufferPointer { old in
                for row in 0..<filter.newCount {
                    for place in 0..<rowLength { sums[place] = TriangleFilter.half }
                    let (first, weights) = filter.weights(of: row)
                    for (offset, weight) in weights.enumerated() {
                        let line = (first + offset) * rowLength
                        for place in 0..<rowLength { sums[place] &+= weight &* Int32(old[line + place]) }
                    }
                    for place in 0..<rowLength {
                        pixels[row * rowLength + place] = TriangleFilter.byte(sums[place])
                    }
                }
            }
            count = filter.newCount * rowLength
        }
        return Image(width: width, height: filter.newCount, channelCount: channelCount, elements: result)
    }
}
