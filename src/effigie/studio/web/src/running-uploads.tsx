// Files that are on their way into the workspace, and how far each is.
import { uploads } from "./uploads";

export function RunningUploads() {
  return (
    <>
      {uploads.value.map(one => (
        <label key={one.key} class="uploading">
          {one.name}
          <progress value={one.share} max={1} />
        </label>
      ))}
    </>
  );
}
