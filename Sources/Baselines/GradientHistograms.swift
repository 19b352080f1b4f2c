import Foundation

/// Pictures as histograms of the directions of their edges (Dalal and Triggs 2005): the gradient of every pixel's grey
/// counts with its length for the two nearest of 9 directions, in cells of 8 × 8 pixels; blocks of 2 × 2 cells are
/// scaled to length 1.
public struct GradientHistograms: Sendable {
    private static let directionCount = 9
    private static let cellSide = 8
    /// Longer sides are halved until they fit, shorter ones have smaller cells.
    private static let longestSide = 64

    private let channelCount: Int
    private let height: Int
    private let width: Int
    private let factor: Int
    private let cell: Int
    private var rows: Int { height / factor / cell }
    private var columns: Int { width / factor / cell }

    /// For pictures of one size; nil for those smaller than two cells of 4 pixels.
    public init?(channelCount: Int, height: Int, width: Int) {
        (self.channelCount, self.height, self.width) = (channelCount, height, width)
        var factor = 1
        while max(height, width) / factor > Self.longestSide { factor *= 2 }
        self.factor = factor
        cell = min(height, width) / factor >= 4 * Self.cellSide ? Self.cellSide : 4
        guard min(height, width) / factor / cell >= 2 else { return nil }
    }

    /// The number of features.
    public var featureCount: Int { (rows - 1) * (columns - 1) * 4 * Self.directionCount }

    /// The features of a picture of planar elements `[channels, height, width]`.
    public func features(_ elements: UnsafePointer<Float>) -> [Float] {
        let histograms = histograms(grey(elements))
        var features: [Float] = []
        features.reserveCapacity(featureCount)
        for row in 0..<(rows - 1) {
            for column in 0..<(columns - 1) {
                var block: [Float] = []
                for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let start = ((row + down) * columns + column + right) * Self.directionCount
                    block += histograms[start..<(start + Self.directionCount)]
                }
                let length = (block.reduce(0) { $0 + $1 * $1 } + 1e-6).squareRoot()
                features += block.map { $0 / length }
            }
        }
        return features
    }

    /// The mean of the channels, and of `factor` × `factor` pixels.
    private func grey(_ elements: UnsafePointer<Float>) -> [Float] {
        let (newHeight, newWidth) = (height / factor, width / factor)
        var result = [Float](repeating: 0, count: newHeight * newWidth)
        for channel in 0..<channelCount {
            for row in 0..<(newHeight * factor) {
                let line = elements + (channel * height + row) * width
                for column in 0..<(newWidth * factor) {
                    result[row / factor * newWidth + column / factor] += line[column]
                }
            }
        }
        let share = 1 / Float(channelCount * factor * factor)
        return result.map { $0 * share }
    }

    private func histograms(_ grey: [Float]) -> [Float] {
        let (height, width) = (height / factor, width / factor)
        var histograms = [Float](repeating: 0, count: rows * columns * Self.directionCount)
        for row in 0..<(rows * cell) {
            for column in 0..<(columns * cell) {
                let across =
                    grey[row * width + min(column + 1, width - 1)] - grey[row * width + max(column - 1, 0)]
                let down =
                    grey[min(row + 1, height - 1) * width + column] - grey[max(row - 1, 0) * width + column]
                let length = (across * across + down * down).squareRoot()
                guard length > 0 else { continue }
                // Opposite directions are one: an edge has the same one whichever side is darker.
                var angle = atan2(down, across) / .pi
                if angle < 0 { angle += 1 }
                let place = angle * Float(Self.directionCount)
                let lower = Int(place)
                let share = place - Float(lower)
                let start = (row / cell * columns + column / cell) * Self.directionCount
                histograms[start + lower % Self.directionCount] += length * (1 - share)
                histograms[start + (lower + 1) % Self.directionCount] += length * share
            }
        }
        return histograms
    }
}
