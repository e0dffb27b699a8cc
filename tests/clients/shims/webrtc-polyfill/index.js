// SPDX-License-Identifier: Apache-2.0
import wrtc from '@roamhq/wrtc'

export const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate, RTCDataChannel } = wrtc
export const { RTCCertificate, RTCIceTransport, RTCDtlsTransport, RTCSctpTransport } = wrtc
export const { MediaStream, MediaStreamTrack } = wrtc
export default wrtc
