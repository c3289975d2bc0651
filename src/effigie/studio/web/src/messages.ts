// Messages of the server: a 32-bit length, so many bytes of JSON, and the JPEGs whose `sizes` that names.
export interface Message { head: any; pictures: () => Promise<ImageBitmap[]> }

export function readMessage(data: ArrayBuffer): Message {
  const length = new DataView(data).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const pictures = () => {
    let offset = 4 + length;
    return Promise.all(
      ((head.sizes ?? []) as number[]).map(size => {
        const blob = new Blob([new Uint8Array(data, offset, size)], { type: "image/jpeg" });
        offset += size;
        return createImageBitmap(blob);
      }),
    );
  };
  return { head, pictures };
}
